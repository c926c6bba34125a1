"""Which of the errors that ended several tasks is the one to tell."""

from bulksend.base.errors import LedgerError


def decisive(error: BaseException) -> BaseException:
    """The error that counts of a group, however deep: the ledger's if there is one, else the first."""
    while isinstance(error, BaseExceptionGroup):
        error = next((each for each in error.exceptions if _is_ledgers(each)), error.exceptions[0])
    return error


def _is_ledgers(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_ledgers(each) for each in error.exceptions)
    return isinstance(error, LedgerError)
