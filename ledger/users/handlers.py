"""One method for each command. The password goes into the credential, and nowhere else."""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password

from eventstore.repository import Repository
from ledger.errors import never_refused
from ledger.users.aggregate import User
from ledger.users.commands import CompleteUserRegistration, StartUserRegistration, normal_form
from ledger.users.credentials import Credentials

#: What a user reserves: the login name in its normal form, unique within the tenant.
LOGIN_SCOPE = "login"


@dataclass(frozen=True, slots=True)
class UserHandlers:
    credentials: Credentials

    def start_user_registration(
        self, command: StartUserRegistration, repository: Repository
    ) -> None:
        user = repository.create(User, command.aggregate_id)
        # Slow on purpose, so before the append: what is appended holds readers of events back.
        password_hash = make_password(command.password)
        user.start_registration(command.login_name)
        repository.save(user)
        self.credentials.add(repository.tenant_id, user.id, password_hash)

    def complete_user_registration(
        self, command: CompleteUserRegistration, repository: Repository
    ) -> None:
        """A failed registration gives its credential up, and has never held a name."""
        with never_refused():
            user = repository.load(User, command.aggregate_id)
        if user.state.has_ended:
            return  # Asked again, for instance by an operator.
        login = normal_form(user.state.login_name)
        has_login = repository.reserve(LOGIN_SCOPE, login, user)
        user.complete_registration(has_login=has_login)
        repository.save(user)
        if not has_login:
            self.credentials.remove(repository.tenant_id, user.id)
