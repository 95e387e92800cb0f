-- ERC-20 as analysts read it: amounts as numbers, transfers and balances by token and holder.

-- Up Migration

-- A big-endian unsigned number of any length.
create function uint256(word bytea) returns numeric
  language plpgsql immutable strict parallel safe as $$
declare
  total numeric := 0;
begin
  for i in 0 .. length(word) - 1 loop
    total := total * 256 + get_byte(word, i);
  end loop;
  return total;
end $$;

-- Transfer(address indexed from, address indexed to, uint256 value)
create view token_transfers as
  select logs.block_height, logs.transaction_index, logs.log_index, blocks.block_time, logs.address as token,
         substring(logs.topic1 from 13) as sender, substring(logs.topic2 from 13) as recipient,
         uint256(logs.data) as amount
    from logs join blocks on blocks.height = logs.block_height
   where logs.topic0 = '\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'::bytea
     and logs.topic3 is null;

-- Built-in tokens keep a balance under "bal:" and the holder.
create view token_balances as
  select contract_state.contract_address as token, substring(contract_state.key from 5) as holder,
         uint256(contract_state.value) as balance
    from contract_state join contracts on contracts.address = contract_state.contract_address
   where contracts.type = 'erc20' and length(contract_state.key) = 24
     and substring(contract_state.key from 1 for 4) = '\x62616c3a'::bytea;

-- Down Migration

drop view token_balances;
drop view token_transfers;
drop function uint256(bytea);
