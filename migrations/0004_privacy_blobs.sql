-- What the blob store of privacy contracts holds, in durability strict: every daemon on the log keeps a copy of it.

-- Up Migration

-- Evaluation keys, ciphertexts, results, by SHA-256. Encrypted bytes do not compress.
create table privacy_blobs (
  hash bytea primary key,
  bytes bytea not null
);
alter table privacy_blobs alter column bytes set storage external;

create sequence privacy_changes;

-- What refers to them. `change` grows in the order of commits, since writers hold the table; facts are null where a name was
-- taken away, for the copies to do the same.
create table privacy_names (
  name bytea primary key,
  facts jsonb,
  hash bytea references privacy_blobs (hash),
  change bigint not null,
  changed_at timestamptz not null default now()
);
create unique index privacy_names_change on privacy_names (change);
create index privacy_names_hash on privacy_names (hash);

-- Down Migration

drop table privacy_names;
drop sequence privacy_changes;
drop table privacy_blobs;
