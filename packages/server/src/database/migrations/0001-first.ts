/**
 * The first tables. Moments are milliseconds of the calendar, lists and documents are JSON texts.
 *
 * `references` is a word of SQL, so claims on blobs are in `blob_references`. One that was given up while a task or a
 * result still names it gets `deleted_ms` and stays for that task; nobody else sees it any more.
 */
export const first = {
  number: 1,
  name: 'first',
  sqlite: `
create table users (
  id integer primary key,
  name text not null unique,
  email text not null,
  password text not null,
  groups text not null,
  created_ms integer not null
) strict;

create table sessions (
  hash text primary key,
  user integer not null references users on delete cascade,
  expires_ms integer not null
) strict, without rowid;
create index sessions_by_expiry on sessions (expires_ms);

create table tokens (
  id integer primary key,
  hash text not null unique,
  user integer not null references users on delete cascade,
  label text not null,
  created_ms integer not null,
  expires_ms integer
) strict;
create index tokens_by_user on tokens (user, label);

create table blobs (
  hash text primary key,
  size integer not null,
  created_ms integer not null,
  accessed_ms integer not null
) strict, without rowid;

create table blob_references (
  key text primary key,
  blob text not null references blobs,
  owner integer not null references users,
  created_ms integer not null,
  accessed_ms integer not null,
  deleted_ms integer
) strict, without rowid;
create index references_by_blob on blob_references (blob);

-- A request class: tasks that ask for the same. 'pending' is how many of them wait; triggers keep it.
create table classes (
  id integer primary key,
  key text not null unique,
  image text not null,
  requires text not null,
  limits text not null,
  exclusive integer not null check (exclusive in (0, 1)),
  pending integer not null default 0 check (pending >= 0)
) strict;
create index classes_with_pending on classes (id) where pending > 0;

create table tasks (
  number integer primary key autoincrement,
  id text not null unique,
  owner integer not null references users,
  class integer not null references classes,
  state text not null check (state in ('waiting', 'pending', 'assigned', 'resolved', 'cancelled', 'failed')),
  attempt integer not null default 0,
  losses integer not null default 0,
  not_before_ms integer not null default 0,
  holder integer references users,
  foreman text,
  expires_ms integer,
  running integer not null default 0 check (running in (0, 1)),
  created_ms integer not null,
  changed_ms integer not null,
  -- Last: it may be long, and reading a column behind it would mean reading through it.
  body text not null
) strict;
-- Has all that choosing reads, so that a dequeue touches only tasks it takes.
create index tasks_pending on tasks (class, number, not_before_ms) where state = 'pending';
create index tasks_held_back on tasks (not_before_ms) where state = 'pending' and not_before_ms > 0;
create index tasks_assigned on tasks (expires_ms) where state = 'assigned';

-- How many tasks are in each state: counting a million rows would stop the server for as long. Triggers keep it.
create table task_counts (
  state text primary key,
  count integer not null check (count >= 0)
) strict, without rowid;

create trigger task_counted after insert on tasks begin
  insert into task_counts (state, count) values (new.state, 1) on conflict (state) do update set count = count + 1;
end;
create trigger task_counted_again after update of state on tasks when old.state <> new.state begin
  update task_counts set count = count - 1 where state = old.state;
  insert into task_counts (state, count) values (new.state, 1) on conflict (state) do update set count = count + 1;
end;

create trigger task_put after insert on tasks when new.state = 'pending' begin
  update classes set pending = pending + 1 where id = new.class;
end;
create trigger task_waits_again after update of state on tasks
when new.state = 'pending' and old.state <> 'pending' begin
  update classes set pending = pending + 1 where id = new.class;
end;
create trigger task_waits_no_more after update of state on tasks
when old.state = 'pending' and new.state <> 'pending' begin
  update classes set pending = pending - 1 where id = new.class;
end;

-- The files of a task and of its result: its own claims on their blobs.
create table task_files (
  task integer not null references tasks,
  part text not null check (part in ('task', 'result')),
  name text not null,
  reference text not null references blob_references,
  primary key (task, part, name)
) strict, without rowid;
create index task_files_by_reference on task_files (reference);

create table results (
  task integer primary key references tasks,
  attempt integer not null,
  holder integer not null references users,
  body text not null,
  created_ms integer not null
) strict;

create table events (
  number integer primary key autoincrement,
  task integer not null references tasks,
  event text not null,
  attempt integer not null,
  foreman text,
  time_ms integer not null,
  message text
) strict;
create index events_by_task on events (task, number);

create table idempotency_keys (
  user integer not null references users,
  key text not null,
  task integer not null references tasks,
  request text not null,
  created_ms integer not null,
  primary key (user, key)
) strict, without rowid;
`,
  postgres: `
create table users (
  id bigint generated by default as identity primary key,
  name text not null unique,
  email text not null,
  password text not null,
  groups text not null,
  created_ms bigint not null
);

create table sessions (
  hash text primary key,
  "user" bigint not null references users on delete cascade,
  expires_ms bigint not null
);
create index sessions_by_expiry on sessions (expires_ms);

create table tokens (
  id bigint generated by default as identity primary key,
  hash text not null unique,
  "user" bigint not null references users on delete cascade,
  label text not null,
  created_ms bigint not null,
  expires_ms bigint
);
create index tokens_by_user on tokens ("user", label);

create table blobs (
  hash text primary key,
  size bigint not null,
  created_ms bigint not null,
  accessed_ms bigint not null
);

create table blob_references (
  key text primary key,
  blob text not null references blobs,
  owner bigint not null references users,
  created_ms bigint not null,
  accessed_ms bigint not null,
  deleted_ms bigint
);
create index references_by_blob on blob_references (blob);

-- A request class: tasks that ask for the same. 'pending' is how many of them wait; triggers keep it.
create table classes (
  id bigint generated by default as identity primary key,
  key text not null,
  image text not null,
  requires text not null,
  limits text not null,
  exclusive bigint not null check (exclusive in (0, 1)),
  pending bigint not null default 0 check (pending >= 0)
);
-- By its hash, as above.
create unique index classes_by_key on classes (md5(key));
create index classes_with_pending on classes (id) where pending > 0;

create table tasks (
  number bigint generated by default as identity primary key,
  id text not null unique,
  owner bigint not null references users,
  class bigint not null references classes,
  state text not null check (state in ('waiting', 'pending', 'assigned', 'resolved', 'cancelled', 'failed')),
  attempt bigint not null default 0,
  losses bigint not null default 0,
  not_before_ms bigint not null default 0,
  holder bigint references users,
  foreman text,
  expires_ms bigint,
  running bigint not null default 0 check (running in (0, 1)),
  created_ms bigint not null,
  changed_ms bigint not null,
  -- Last: it may be long, and reading a column behind it would mean reading through it.
  body text not null
);
-- Has all that choosing reads, so that a dequeue touches only tasks it takes.
create index tasks_pending on tasks (class, number, not_before_ms) where state = 'pending';
create index tasks_held_back on tasks (not_before_ms) where state = 'pending' and not_before_ms > 0;
create index tasks_assigned on tasks (expires_ms) where state = 'assigned';

-- How many tasks are in each state: counting a million rows would stop the server for as long. Triggers keep it.
create table task_counts (
  state text primary key,
  count bigint not null check (count >= 0)
);

-- The files of a task and of its result: its own claims on their blobs.
create table task_files (
  task bigint not null references tasks,
  part text not null check (part in ('task', 'result')),
  name text not null,
  reference text not null references blob_references
);
-- By its hash: a name may be longer than what fits into an index.
create unique index task_files_by_name on task_files (task, part, md5(name));
create index task_files_by_reference on task_files (reference);

create table results (
  task bigint primary key references tasks,
  attempt bigint not null,
  holder bigint not null references users,
  body text not null,
  created_ms bigint not null
);

create table events (
  number bigint generated by default as identity primary key,
  task bigint not null references tasks,
  event text not null,
  attempt bigint not null,
  foreman text,
  time_ms bigint not null,
  message text
);
create index events_by_task on events (task, number);

create table idempotency_keys (
  "user" bigint not null references users,
  key text not null,
  task bigint not null references tasks,
  request text not null,
  created_ms bigint not null,
  primary key ("user", key)
);

create function task_counted() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if old.state = new.state then return null; end if;
    update task_counts set count = count - 1 where state = old.state;
    if old.state = 'pending' then update classes set pending = pending - 1 where id = new.class; end if;
  end if;
  insert into task_counts as known (state, count) values (new.state, 1)
    on conflict (state) do update set count = known.count + 1;
  if new.state = 'pending' then update classes set pending = pending + 1 where id = new.class; end if;
  return null;
end $$;
create trigger task_counted after insert or update of state on tasks for each row execute function task_counted();

create function events_told() returns trigger language plpgsql as $$
begin
  notify kolejka_events;
  return null;
end $$;
create trigger events_told after insert on events for each statement execute function events_told();
`,
} as const;
