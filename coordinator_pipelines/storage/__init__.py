"""The ledger on SQLAlchemy Core: tables, migrations, bulk reads and writes."""
