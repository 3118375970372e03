"""The one MetaData of the store, and the column types that SQLite and PostgreSQL share."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970 UTC; exact, which a float of seconds is not.

    Raises: TypeError for a time without a zone.
    """
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


def read_instant(value: int | datetime) -> datetime:
    """A column's time, whether its statement ran as text (a number) or through Core."""
    return value if isinstance(value, datetime) else instant_of(value)


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as integer microseconds UTC; read back in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else instant_of(value)


# SQLite fills a key by itself only when it is called INTEGER (then it is the rowid)
BigKey = BigInteger().with_variant(Integer(), "sqlite")
