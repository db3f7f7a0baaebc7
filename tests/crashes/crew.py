"""Senders and workers that are killed again and again, and started again each time."""

import time
from itertools import count

from tests.crashes.processes import Started, start
from tests.crashes.senders import Answer, Job, Jobs, send_many
from tests.crashes.workers import work_for_ever


class Member:
    """One process after the other, for one task."""

    def __init__(self) -> None:
        self._process = self._started()
        self.has_begun = False

    def _started(self) -> Started:
        raise NotImplementedError

    def wait_until_begun(self) -> None:
        if not self.has_begun:
            assert self._process.next_message() == "begun"
            self.has_begun = True

    def kill(self) -> None:
        self._process.kill()

    def start(self) -> None:
        self._process = self._started()
        self.has_begun = False


class Worker(Member):
    def _started(self) -> Started:
        return start(work_for_ever)


class Sender(Member):
    """Sends jobs 0, 1, 2, ...; after a death it begins with the one that has no answer."""

    def __init__(self, jobs: Jobs, last: int | None = None) -> None:
        """`last`: how many jobs there are; None: any number."""
        self._jobs = jobs
        self._last = last
        self.answers: list[Answer] = []
        super().__init__()

    def _started(self) -> Started:
        following = len(self.answers)
        numbers = count(following) if self._last is None else range(following, self._last)
        return start(send_many, self._jobs, numbers)

    def kill(self) -> None:
        super().kill()
        self._listen()

    @property
    def is_done(self) -> bool:
        self._listen()
        return len(self.answers) == self._last

    def _listen(self) -> None:
        """Take the answers in their order."""
        for told in self._process.told():
            if isinstance(told, Answer):
                assert told.number == len(self.answers)
                self.answers.append(told)

    def finish(self) -> None:
        """Once killed, get the answer that is missing, and send nothing new."""
        self._last = len(self.answers) + 1
        self.start()
        while not self.is_done:
            time.sleep(0.001)
        self.kill()

    def jobs_done(self) -> list[Job]:
        return [self._jobs.job(answer.number) for answer in self.answers]

    def answers_again(self) -> list[Answer]:
        """Of another process that sends the same jobs once more, and lives."""
        process = start(send_many, self._jobs, range(len(self.answers)))
        assert process.next_message() == "begun"
        answers = [process.next_message() for _ in self.answers]
        process.kill()
        return answers
