"""Errors of a config are told apart from bugs of our own."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import Registry
from mmengine.runner import Runner

from mmct.runs import ConfigError, CTError, config_errors, one_line
from mmct.runs.building import build_runner
from mmct.runs.configs import length_key, scoped, stretch
from mmct.runs.errors import hook_errors, trial_of

KINDS = Registry('kind', scope='mmpretrain', locations=['mmengine.registry'])


@KINDS.register_module()
class Kind:
    def __init__(self, size):
        self.size = 2 * abs(size)


def built(settings):
    with config_errors():
        return KINDS.build(settings)


@pytest.mark.parametrize(
    'settings, said',
    [
        (dict(type='Knid', size=1), r'^Knid\(size=1\): Knid is not in .* \(KeyError\)'),
        (dict(type='Kind', sise=1), r"unexpected keyword argument 'sise'.* \(TypeError\)"),
        (dict(type='Kind', size='x'), r"^Kind\(size='x'\): .*bad operand .* \(TypeError\)"),
        (dict(type='Kind', size=[1, 2]), r'^Kind\(size=\[1, 2\]\): .*bad operand'),
        (dict(type='Kind', size=dict(a=1)), r'^Kind\(\): .*bad operand'),
        (dict(size=1), r'must contain the key .* \(KeyError\)'),
        (dict(type=1), r'must be a str .* \(TypeError\)'),
    ],
)
def test_what_a_config_cannot_build_is_its_error(settings, said):
    with pytest.raises(ConfigError, match=said) as error:
        built(settings)
    assert '\n' not in one_line(error.value)
    assert error.value.__cause__ is not None


def test_other_errors_of_the_user_stay_what_they_are():
    full = RuntimeError("DefaultCPUAllocator: can't allocate memory")
    said = (kind('said') for kind in (CTError, FileNotFoundError, KeyboardInterrupt, MemoryError))
    for expected in (*said, full):
        with pytest.raises(type(expected)) as error, config_errors():
            raise expected
        assert error.value is expected


def test_a_trial_that_lacks_memory_says_which_it_is():
    said = '^the arm fails: no memory is left: lower batch_size'
    with pytest.raises(CTError, match=said), trial_of('the arm'):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")


def test_the_users_code_may_raise_anything():
    class OwnError(Exception):
        pass

    for kind in (ZeroDivisionError, BufferError, OwnError):
        with pytest.raises(ConfigError, match=f'^said .*{kind.__name__}'), config_errors():
            raise kind('said')


@pytest.mark.parametrize(
    'call, kind',
    [
        (lambda: stretch(Config(dict(train_cfg=dict(max_epochs=2))), 'twice'), TypeError),
        (lambda: scoped(None, 'Digits'), AttributeError),
        (lambda: length_key(Config(dict(train_cfg=3))), TypeError),
    ],
)
def test_an_error_inside_mmct_is_a_bug_whatever_the_config_says(call, kind):
    with pytest.raises(kind), config_errors():
        call()


def test_a_bug_stays_one_where_mmengine_wraps_it():
    source = 'def bug():\n    return None.missing\n'
    ours = {'__name__': 'mmct.models.somewhere'}
    exec(source, ours)

    def build():
        try:
            ours['bug']()
        except Exception as error:
            raise type(error)(f'class `X` in mmct/models: {error}')  # noqa: B904  (as mmengine)

    with pytest.raises(AttributeError, match='class `X`'), config_errors():
        build()
    del ours['__name__']
    with pytest.raises(ConfigError, match='class `X`'), config_errors():
        build()


class Refusing(Hook):
    def before_train(self, runner):
        raise self.error

    before_train_iter = before_train


class Inheriting(Refusing):
    __module__ = 'mmct.engine.hooks'


OURS = {'__name__': 'mmct.engine.hooks'}
exec('def before_train(hook, runner):\n    hook.begin(hook.within, hook.name)\n', OURS)


class Training(Hook):
    """Trains a network of its own, with other hooks, as the hook of the teacher does."""

    before_train = OURS['before_train']


def begin(hook, name='before_train'):
    Runner.call_hook(SimpleNamespace(_hooks=[hook]), name)


def refusing(error):
    hook = Refusing()
    hook.error = error
    return hook


def inheriting(hook):
    hook.__class__ = Inheriting
    return hook


def training(within, name='before_train'):
    hook = Training()
    hook.within, hook.name, hook.begin = within, name, begin
    return hook


@pytest.mark.parametrize('around', [lambda hook: hook, inheriting, training])
def test_what_a_hook_refuses_when_it_begins_is_an_error_of_the_config(around):
    hook = around(refusing(AssertionError('begin_epoch is 50')))
    said = r'^(Refusing|Inheriting): begin_epoch is 50 \(AssertionError\)$'
    with pytest.raises(ConfigError, match=said), hook_errors():
        begin(hook)


@pytest.mark.parametrize(
    ('hook', 'name'),
    [
        (refusing(AssertionError('in a step')), 'before_train_iter'),
        (training(refusing(AssertionError('in a step of a teacher')), 'before_train_iter'), None),
        (refusing(RuntimeError('CUDA out of memory')), None),
        (refusing(CTError('said')), None),
    ],
)
def test_other_errors_of_hooks_stay_what_they_are(hook, name):
    with pytest.raises((AssertionError, RuntimeError)) as error, hook_errors():
        begin(hook, name or 'before_train')
    assert type(error.value) in (AssertionError, RuntimeError, CTError)


def test_a_config_without_a_model_or_with_an_unknown_runner_is_refused():
    with pytest.raises(CTError, match='has no model'):
        build_runner(Config({}))
    with pytest.raises(CTError, match='there is no such Runner'):
        build_runner(Config(dict(model=dict(type='ImageClassifier'), runner_type='Runer')))


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(runner_type='FlexibleRunner'), "runner_type=FlexibleRunner .* subclass of mmengine's"),
    (
        dict(model_wrapper_cfg=dict(type='MMFullyShardedDataParallel')),
        'MMFullyShardedDataParallel splits the weights.*: use MMDistributedDataParallel',
    ),
])  # fmt: skip
def test_what_shards_the_weights_is_refused(settings, message):
    with pytest.raises(CTError, match=message):
        build_runner(Config(dict(model=dict(type='ImageClassifier'), **settings)))
