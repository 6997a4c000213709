/**
 * Blobs that nobody refers to are condemned before they go (`condemned_ms`), and what each user keeps is counted:
 * `holdings` has how many references a user has to a blob, `users.used_bytes` the bytes of those blobs, each blob once.
 * Triggers keep both, so that no statement that makes, gives away or removes a reference can forget to.
 *
 * `uploads` are those that come in pieces; their bytes lie beside the blobs until they are whole.
 */
const tables = (integer: 'integer' | 'bigint', end: string) => `
alter table blobs add column condemned_ms ${integer};
create index blobs_condemned on blobs (condemned_ms) where condemned_ms is not null;
create index references_given_up on blob_references (key) where deleted_ms is not null;

-- What a user may keep, where it is not what the settings say.
alter table users add column quota_bytes ${integer};
alter table users add column used_bytes ${integer} not null default 0;

create table holdings (
  owner ${integer} not null references users,
  blob text not null,
  claims ${integer} not null check (claims >= 0),
  primary key (owner, blob)
) ${end};
insert into holdings (owner, blob, claims) select owner, blob, count(*) from blob_references group by owner, blob;
update users set used_bytes = coalesce(
  (select sum(size) from holdings join blobs on blobs.hash = holdings.blob where holdings.owner = users.id), 0);

create table uploads (
  id text primary key,
  owner ${integer} not null references users,
  size ${integer} not null,
  -- So many bytes are safe on disk.
  safe ${integer} not null default 0,
  -- What they must be, where the client has said so.
  hash text,
  metadata text not null,
  created_ms ${integer} not null,
  expires_ms ${integer} not null,
  -- The reference it has become, when it is whole.
  reference text
) ${end};
create index uploads_by_expiry on uploads (expires_ms);
`;

/** What changes when a reference comes to its owner. */
const HOLD = `
  update users set used_bytes = used_bytes + (select size from blobs where hash = new.blob) where id = new.owner
    and not exists (select 1 from holdings where owner = new.owner and blob = new.blob);
  insert into holdings (owner, blob, claims) values (new.owner, new.blob, 1)
    on conflict (owner, blob) do update set claims = holdings.claims + 1;
`;
/** What changes when a reference goes from its owner. */
const LET_GO = `
  update holdings set claims = claims - 1 where owner = old.owner and blob = old.blob;
  update users set used_bytes = used_bytes - (select size from blobs where hash = old.blob) where id = old.owner
    and exists (select 1 from holdings where owner = old.owner and blob = old.blob and claims = 0);
  delete from holdings where owner = old.owner and blob = old.blob and claims = 0;
`;

export const blobs = {
  number: 3,
  name: 'blobs',
  sqlite: `${tables('integer', 'strict, without rowid')}
create trigger reference_made after insert on blob_references begin ${HOLD} end;
create trigger reference_given_away after update of owner on blob_references when old.owner <> new.owner begin
  ${LET_GO} ${HOLD}
end;
create trigger reference_removed after delete on blob_references begin ${LET_GO} end;
`,
  postgres: `${tables('bigint', '')}
create function reference_counted() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if old.owner = new.owner then return null; end if;
  end if;
  if tg_op <> 'INSERT' then ${LET_GO} end if;
  if tg_op <> 'DELETE' then ${HOLD} end if;
  return null;
end $$;
create trigger reference_counted after insert or delete or update of owner on blob_references
  for each row execute function reference_counted();
`,
} as const;
