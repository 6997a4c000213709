/**
 * Queues: within a request class, the tasks of one user at one priority wait in a queue of their own, so that priority
 * and fair share are decided by looking at one row for each. `shares` is what each user has used, `foremen` what each
 * foreman offered of late. The text of a task moves to a table of its own: a move rewrites a short row.
 *
 * A task is ready when it is pending and not held back (`not_before_ms` = 0). Triggers keep for each queue how many
 * are ready and the oldest of them, its head.
 */
export const queues = {
  number: 2,
  name: 'queues',
  sqlite: `
drop trigger task_put;
drop trigger task_waits_again;
drop trigger task_waits_no_more;
drop index tasks_pending;
drop index tasks_held_back;
drop index classes_with_pending;
alter table classes drop column pending;
alter table classes add column cores integer not null default 1;
update classes set cores = coalesce(json_extract(limits, '$.cpus'), 1);

create table queues (
  id integer primary key,
  class integer not null references classes,
  owner integer not null references users,
  priority integer not null,
  -- How many are ready; the oldest of them.
  ready integer not null default 0 check (ready >= 0),
  head integer,
  unique (class, owner, priority)
) strict;
-- Has all that choosing reads of a queue.
create index queues_with_ready on queues (head, class, owner, priority) where head is not null;

alter table tasks add column queue integer references queues;
alter table tasks add column assigned_ms integer;
insert into queues (class, owner, priority) select distinct class, owner, 0 from tasks;
update tasks set queue = (select id from queues where queues.class = tasks.class and queues.owner = tasks.owner);
update tasks set assigned_ms = changed_ms where state = 'assigned';
create index tasks_ready on tasks (queue, number) where state = 'pending' and not_before_ms = 0;
create index tasks_held_back on tasks (not_before_ms) where state = 'pending' and not_before_ms > 0;
update queues set
  ready = (select count(*) from tasks where queue = queues.id and state = 'pending' and not_before_ms = 0),
  head = (select min(number) from tasks where queue = queues.id and state = 'pending' and not_before_ms = 0);

create table task_bodies (
  task integer primary key references tasks on delete cascade,
  body text not null
) strict;
insert into task_bodies (task, body) select number, body from tasks;
alter table tasks drop column body;

create trigger task_is_ready after insert on tasks when new.state = 'pending' and new.not_before_ms = 0 begin
  update queues set ready = ready + 1, head = min(coalesce(head, new.number), new.number) where id = new.queue;
end;
create trigger task_becomes_ready after update of state, not_before_ms on tasks
when new.state = 'pending' and new.not_before_ms = 0 and not (old.state = 'pending' and old.not_before_ms = 0) begin
  update queues set ready = ready + 1, head = min(coalesce(head, new.number), new.number) where id = new.queue;
end;
create trigger task_is_ready_no_more after update of state, not_before_ms on tasks
when old.state = 'pending' and old.not_before_ms = 0 and not (new.state = 'pending' and new.not_before_ms = 0) begin
  update queues set ready = ready - 1, head = case when head <> old.number then head else
    (select number from tasks where queue = old.queue and state = 'pending' and not_before_ms = 0
     order by number limit 1) end
  where id = old.queue;
end;
create trigger task_is_gone after delete on tasks begin
  update task_counts set count = count - 1 where state = old.state;
end;
create trigger ready_task_is_gone after delete on tasks when old.state = 'pending' and old.not_before_ms = 0 begin
  update queues set ready = ready - 1, head = case when head <> old.number then head else
    (select number from tasks where queue = old.queue and state = 'pending' and not_before_ms = 0
     order by number limit 1) end
  where id = old.queue;
end;

-- In core seconds: what was used, halved for every half-life that has passed since 'used_ms'; and what runs now, as
-- how many cores and the sum of cores times the second each was taken.
create table shares (
  owner integer primary key references users on delete cascade,
  weight real not null default 1 check (weight > 0),
  used real not null default 0,
  used_ms integer not null default 0,
  cores integer not null default 0,
  taken_s integer not null default 0
) strict;
insert into shares (owner, cores, taken_s)
  select tasks.owner, sum(classes.cores), sum(classes.cores * (tasks.assigned_ms / 1000))
  from tasks join classes on classes.id = tasks.class where tasks.state = 'assigned' group by tasks.owner;

create table foremen (
  holder integer not null references users on delete cascade,
  name text not null,
  -- What it offered last, and the most it offered since it is known; JSON.
  offer text not null,
  most text not null,
  seen_ms integer not null,
  primary key (holder, name)
) strict, without rowid;
`,
  postgres: `
drop trigger task_counted on tasks;
drop function task_counted;
drop index tasks_pending;
drop index tasks_held_back;
drop index classes_with_pending;
alter table classes drop column pending;
alter table classes add column cores bigint not null default 1;
update classes set cores = coalesce((limits::json->>'cpus')::bigint, 1);

create table queues (
  id bigint generated by default as identity primary key,
  class bigint not null references classes,
  owner bigint not null references users,
  priority bigint not null,
  ready bigint not null default 0 check (ready >= 0),
  head bigint,
  unique (class, owner, priority)
);
create index queues_with_ready on queues (head, class, owner, priority) where head is not null;

alter table tasks add column queue bigint references queues;
alter table tasks add column assigned_ms bigint;
insert into queues (class, owner, priority) select distinct class, owner, 0 from tasks;
update tasks set queue = (select id from queues where queues.class = tasks.class and queues.owner = tasks.owner);
update tasks set assigned_ms = changed_ms where state = 'assigned';
create index tasks_ready on tasks (queue, number) where state = 'pending' and not_before_ms = 0;
create index tasks_held_back on tasks (not_before_ms) where state = 'pending' and not_before_ms > 0;
update queues set
  ready = (select count(*) from tasks where queue = queues.id and state = 'pending' and not_before_ms = 0),
  head = (select min(number) from tasks where queue = queues.id and state = 'pending' and not_before_ms = 0);

create table task_bodies (
  task bigint primary key references tasks on delete cascade,
  body text not null
);
insert into task_bodies (task, body) select number, body from tasks;
alter table tasks drop column body;

create function task_counted() returns trigger language plpgsql as $$
declare
  was boolean := tg_op <> 'INSERT' and old.state = 'pending' and old.not_before_ms = 0;
  is_now boolean := tg_op <> 'DELETE' and new.state = 'pending' and new.not_before_ms = 0;
begin
  if tg_op <> 'INSERT' and (tg_op = 'DELETE' or old.state <> new.state) then
    update task_counts set count = count - 1 where state = old.state;
  end if;
  if tg_op <> 'DELETE' and (tg_op = 'INSERT' or old.state <> new.state) then
    insert into task_counts as known (state, count) values (new.state, 1)
      on conflict (state) do update set count = known.count + 1;
  end if;
  if is_now and not was then
    update queues set ready = ready + 1, head = least(coalesce(head, new.number), new.number) where id = new.queue;
  elsif was and not is_now then
    update queues set ready = ready - 1, head = case when head <> old.number then head else
      (select number from tasks where queue = old.queue and state = 'pending' and not_before_ms = 0
       order by number limit 1) end
    where id = old.queue;
  end if;
  return null;
end $$;
create trigger task_counted after insert or delete or update of state, not_before_ms on tasks
  for each row execute function task_counted();

create table shares (
  owner bigint primary key references users on delete cascade,
  weight double precision not null default 1 check (weight > 0),
  used double precision not null default 0,
  used_ms bigint not null default 0,
  cores bigint not null default 0,
  taken_s bigint not null default 0
);
insert into shares (owner, cores, taken_s)
  select tasks.owner, sum(classes.cores), sum(classes.cores * (tasks.assigned_ms / 1000))
  from tasks join classes on classes.id = tasks.class where tasks.state = 'assigned' group by tasks.owner;

create table foremen (
  holder bigint not null references users on delete cascade,
  name text not null,
  offer text not null,
  most text not null,
  seen_ms bigint not null,
  primary key (holder, name)
);
`,
} as const;
