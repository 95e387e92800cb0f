-- The chain as tables, for people and programs that read SQL. They follow the log: every flush moves `position` in the
-- same transaction as the rows, and a rollback takes its rows back. Addresses are 20 bytes, hashes 32.
-- Names stand without a schema: they are made in the one that is configured (smart_contracts).

-- Up Migration

-- How far the tables have followed, and which log. One row.
create table position (
  id smallint primary key check (id = 1),
  applied_seq bigint not null,
  head_height bigint not null,
  head_hash bytea not null,
  state_root bytea not null,
  updated_at timestamptz not null
);

create table blocks (
  height bigint primary key,
  seq bigint not null,
  block_hash bytea not null,
  parent_hash bytea not null,
  state_root bytea not null,
  receipts_root bytea not null,
  transactions_root bytea not null,
  block_time timestamptz not null,
  protocol_version integer not null,
  transaction_count integer not null,
  gas_used bigint not null
);
create index blocks_block_hash on blocks using hash (block_hash);
create index blocks_block_time on blocks using brin (block_time);

-- One row a transaction, with what came of it. contract_address: the contract called, or made.
create table execution_history (
  block_height bigint not null,
  transaction_index integer not null,
  transaction_hash bytea not null,
  kind text not null,
  sender bytea not null,
  nonce bigint not null,
  contract_address bytea,
  entrypoint text,
  value numeric(78, 0) not null,
  gas_limit bigint not null,
  gas_used bigint not null,
  status text not null,
  halt_reason text,
  return_data bytea not null,
  primary key (block_height, transaction_index)
);
create index execution_history_transaction_hash on execution_history using hash (transaction_hash);
create index execution_history_contract on execution_history (contract_address, block_height, transaction_index);

-- log_index counts within its transaction, as everywhere in this engine.
create table logs (
  block_height bigint not null,
  transaction_index integer not null,
  log_index integer not null,
  address bytea not null,
  topic0 bytea,
  topic1 bytea,
  topic2 bytea,
  topic3 bytea,
  data bytea not null,
  primary key (block_height, transaction_index, log_index)
);
create index logs_address on logs (address, topic0, block_height);
create index logs_topic0 on logs (topic0, block_height);

create table accounts (
  address bytea primary key,
  nonce bigint not null,
  balance numeric(78, 0) not null
) with (fillfactor = 70);

create table contracts (
  address bytea primary key,
  kind text not null,
  type text not null,
  code_hash bytea not null,
  creator bytea not null,
  admin bytea,
  status text not null,
  deploy_transaction_hash bytea not null,
  deployed_at_height bigint not null
) with (fillfactor = 70);
create index contracts_creator on contracts (creator);
create index contracts_kind_status on contracts (kind, status);

create table contract_state (
  contract_address bytea not null,
  key bytea not null,
  value bytea not null,
  primary key (contract_address, key)
) with (fillfactor = 70);

create table codes (
  code_hash bytea primary key,
  code bytea not null
);

-- What is left of the state tree: chain parameters and encrypted handles, by their whole key.
create table other_state (
  key bytea primary key,
  value bytea not null
);

-- Down Migration

drop table other_state;
drop table codes;
drop table contract_state;
drop table contracts;
drop table accounts;
drop table logs;
drop table execution_history;
drop table blocks;
drop table position;
