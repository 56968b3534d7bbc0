"""Notes in PostgreSQL."""

import os

import psycopg2

TABLE = "create table if not exists note (id serial, slug text primary key, title text not null)"


class Store:
    """Keeps notes in the database that DATABASE_URL names."""

    def __init__(self):
        self.connection = psycopg2.connect(os.environ["DATABASE_URL"])
        self.connection.autocommit = True
        self.query(TABLE)

    def query(self, text, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall() if cursor.description else []

    def add(self, slug, title):
        self.query("insert into note (slug, title) values (%s, %s)", slug, title)

    def title(self, slug):
        found = self.query("select title from note where slug = %s", slug)
        return found[0][0] if found else None

    def slugs(self):
        return [slug for (slug,) in self.query("select slug from note order by id")]
