"""A pool of workers that could be other processes."""

import pickle

from lowrank.ui.jobs import Jobs, Stopped


class SentJobs(Jobs):
    """What begins is sent as to another process first, and so is all it yields."""

    def start(self, key, work, *args, **more):
        def received():
            records = sent(work)()
            for record in records:
                try:
                    yield sent(record)
                except Stopped as stop:
                    yield from [sent(last) for last in last_words(records, stop)]
                    return

        return super().start(key, received, *args, **more)


def sent(thing):
    return pickle.loads(pickle.dumps(thing))


def last_words(records, stop):
    try:
        yield records.throw(stop)
        yield from records
    except (Stopped, StopIteration):
        return
