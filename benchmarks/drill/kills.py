"""A run that is stopped at random moments and resumed ends as one that nobody stopped."""

import random
import signal
from pathlib import Path

import grounds
from processes import Job, call

COUNT = 30
# Each exit code, and how often the signal is drawn.
_CODES = {signal.SIGKILL: (-9, 4), signal.SIGTERM: (143, 3), signal.SIGINT: (130, 3)}


def prepare(folder: Path, seed: int) -> dict:
    """Run each config to its end, undisturbed."""
    grounds.write_configs(folder)
    whole = {}
    for name in ('ct', 'ct_by_iteration'):
        ended = grounds.must(call(folder, 'train', f'{name}.py', '--work-dir', name))
        whole[name] = grounds.final(folder / name), ended.seconds
    return whole


def drill(whole: dict, folder: Path, rng: random.Random, number: int) -> tuple[str, str]:
    """Stop a run once to three times; what was done, and what is wrong."""
    grounds.write_configs(folder)
    config = list(whole)[number % 2]
    final, seconds = whole[config]
    argv = ('train', f'{config}.py', '--work-dir', 'run', '--resume')
    done = config
    for _ in range(rng.choice((1, 1, 2, 3))):
        how = rng.choices(list(_CODES), [weight for _, weight in _CODES.values()])[0]
        to_all, moment = rng.random() < 0.5, rng.uniform(0.1, 0.95 * seconds)
        done += f', {how.name}{" to all" if to_all else ""} after {moment:.2f} s'
        job = Job(folder, *argv)
        if job.ended_within(moment):
            break
        job.send(how, to_all)
        ended, left = job.end(30), job.survivors()
        if left:
            return done, f'processes are left: {left}'
        if ended.code not in (_CODES[how][0], 0):  # 0: the signal came after the end
            return done, f'exit code {ended.code}: {ended.err[-2000:]}'
        if 'Traceback' in ended.err:
            return done, ended.err[-2000:]
    ended = call(folder, *argv)
    if ended.code != 0:
        return done, f'it does not go on: {ended.err[-2000:]}'
    return done, ', '.join(grounds.differences(final, grounds.final(folder / 'run'))[:5])
