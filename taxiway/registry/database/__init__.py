"""The registry's database: connection, tables, migrations, transactions."""
