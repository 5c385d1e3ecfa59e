"""The commands: ``main()`` of each, and the options and messages that they share.

A command reads its options first, and imports torch and the mm stack after that: ``--help`` and a
misspelt option are answered at once.
"""
