-- The log itself, in durability strict, and who may write to this schema.

-- Up Migration

-- The one writer. In durability journal: whose tables these are. The token grows with every change of holder, is named by
-- every write, and makes a stale holder's write fail. Times are this server's. One row.
create table leader (
  id smallint primary key check (id = 1),
  durability text not null check (durability in ('journal', 'strict')),
  -- Which log: in journal the data directory's own id, in strict the shared log's.
  instance text not null,
  token bigint not null,
  holder text not null,
  -- How clients reach the holder.
  address text not null,
  expires_at timestamptz not null
);

-- One row an entry (a block, or a rollback). hash: SHA-256 of the entry.
create table block_log (
  seq bigint primary key,
  token bigint not null,
  hash bytea not null,
  entry bytea not null
);
-- Entries are tightly packed already: compressing them costs more than it saves.
alter table block_log alter column entry set storage external;

-- Down Migration

drop table block_log;
drop table leader;
