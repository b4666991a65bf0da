"""The index of words beside the search entries: a generated column on PostgreSQL, FTS5 kept true by triggers on SQLite.

Words are folded and parted before they are stored (`chat.folding`), so neither database brings a parser of its own:
`array_to_tsvector` takes them as they are, and FTS5's `ascii` tokenizer parts them at spaces.
"""

from django.db import migrations

POSTGRESQL = [
    """
    ALTER TABLE chat_searchentry ADD COLUMN words tsvector
    GENERATED ALWAYS AS (array_to_tsvector(string_to_array(text, ' '))) STORED
    """,
    # A short list of what is not indexed yet: every search reads all of it.
    "CREATE INDEX search_entry_words ON chat_searchentry USING gin (words) WITH (gin_pending_list_limit = 256)",
]
SQLITE = [
    """
    CREATE VIRTUAL TABLE chat_searchwords USING fts5(
        text, owner_id, content='chat_searchentry', content_rowid='id', tokenize='ascii', detail='column'
    )
    """,
    """
    CREATE TRIGGER search_entry_added AFTER INSERT ON chat_searchentry BEGIN
        INSERT INTO chat_searchwords (rowid, text, owner_id) VALUES (new.id, new.text, new.owner_id);
    END
    """,
    """
    CREATE TRIGGER search_entry_removed AFTER DELETE ON chat_searchentry BEGIN
        INSERT INTO chat_searchwords (chat_searchwords, rowid, text, owner_id)
        VALUES ('delete', old.id, old.text, old.owner_id);
    END
    """,
    """
    CREATE TRIGGER search_entry_changed AFTER UPDATE ON chat_searchentry BEGIN
        INSERT INTO chat_searchwords (chat_searchwords, rowid, text, owner_id)
        VALUES ('delete', old.id, old.text, old.owner_id);
        INSERT INTO chat_searchwords (rowid, text, owner_id) VALUES (new.id, new.text, new.owner_id);
    END
    """,
]


def add(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL if is_postgresql else SQLITE:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE chat_searchentry DROP COLUMN words")
        return
    for name in ("added", "removed", "changed"):
        schema_editor.execute(f"DROP TRIGGER search_entry_{name}")
    schema_editor.execute("DROP TABLE chat_searchwords")


class Migration(migrations.Migration):
    dependencies = [("chat", "0005_folders_trash_feedback_shares_search")]
    operations = [migrations.RunPython(add, remove)]
