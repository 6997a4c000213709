/**
 * Users can be disabled and have quotas of their own; tokens say when they were last used. Tasks can be removed: an
 * event then loses its task, and the note that it was removed keeps the identifier (`task_id`). Events say whose task
 * they are of, so that the stream of one user reads no others.
 */
export const accounts = {
  number: 4,
  name: 'accounts',
  sqlite: `
alter table users add column disabled integer not null default 0 check (disabled in (0, 1));
alter table users add column quota_pending integer check (quota_pending >= 0);
alter table users add column rate_requests integer check (rate_requests >= 0);
alter table tokens add column last_used_ms integer;
create index sessions_by_user on sessions (user);

create table events_with_owner (
  number integer primary key autoincrement,
  task integer references tasks on delete set null,
  owner integer not null references users,
  event text not null,
  attempt integer not null,
  foreman text,
  time_ms integer not null,
  task_id text,
  message text
) strict;
insert into events_with_owner (number, task, owner, event, attempt, foreman, time_ms, message)
  select events.number, events.task, tasks.owner, event, events.attempt, events.foreman, time_ms, message
  from events join tasks on tasks.number = events.task order by events.number;
drop table events;
alter table events_with_owner rename to events;
create index events_by_task on events (task, number);
create index events_by_owner on events (owner, number);
create index events_of_removed on events (task_id) where task_id is not null;
create index events_of_removed_by_time on events (time_ms) where task_id is not null;

create index tasks_by_owner on tasks (owner, number);
create index tasks_ended on tasks (changed_ms) where state in ('resolved', 'cancelled', 'failed');
create index idempotency_keys_by_task on idempotency_keys (task);
create index idempotency_keys_by_time on idempotency_keys (created_ms);
create index queues_of_owner on queues (owner) where head is not null;
`,
  postgres: `
alter table users add column disabled bigint not null default 0 check (disabled in (0, 1));
alter table users add column quota_pending bigint check (quota_pending >= 0);
alter table users add column rate_requests bigint check (rate_requests >= 0);
alter table tokens add column last_used_ms bigint;
create index sessions_by_user on sessions ("user");

alter table events add column owner bigint references users;
alter table events add column task_id text;
update events set owner = (select owner from tasks where tasks.number = events.task);
alter table events alter column owner set not null;
alter table events alter column task drop not null;
alter table events drop constraint events_task_fkey;
alter table events add constraint events_task_fkey foreign key (task) references tasks on delete set null;
create index events_by_owner on events (owner, number);
create index events_of_removed on events (task_id) where task_id is not null;
create index events_of_removed_by_time on events (time_ms) where task_id is not null;

create index tasks_by_owner on tasks (owner, number);
create index tasks_ended on tasks (changed_ms) where state in ('resolved', 'cancelled', 'failed');
create index idempotency_keys_by_task on idempotency_keys (task);
create index idempotency_keys_by_time on idempotency_keys (created_ms);
create index queues_of_owner on queues (owner) where head is not null;
`,
} as const;
