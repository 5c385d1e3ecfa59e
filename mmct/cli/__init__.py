"""The commands: the ``main()`` of each, and the options and messages that they share.

A command parses its options before it imports torch and the mm stack, so ``--help`` and misspelt
options are answered at once.
"""
