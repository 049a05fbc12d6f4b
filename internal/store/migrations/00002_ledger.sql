-- +goose Up

-- One text serves SQLite and PostgreSQL: SQLite takes any type name. Numbers
-- (seq, id, begun, applied, wanted …) all come from one monotonic counter.

-- Webhooks and listed events as they came. Rows are never deleted on success.
create table events (
  id          text primary key,
  seq         bigint not null,
  account     text not null,
  event_id    text not null,
  type        text not null,
  arrival     text not null check (arrival in ('webhook', 'pull')),
  created_at  timestamptz,
  received_at timestamptz not null,
  headers     text not null,
  body        bytea not null,
  state       text not null check (state in ('received', 'done', 'dead', 'ignored')),
  ref         text not null,
  refs        text not null,
  want        bigint not null,
  attempts    bigint not null,
  error       text not null,
  done_at     timestamptz,
  unique (account, event_id)
);
create index events_seq on events (seq);
create index events_open on events (ref, want) where state in ('received', 'dead');

-- Everything that wants doing: objects to look at, effects to carry out,
-- periodic tasks. How a row leaves each state is told in package work.
create table work (
  id          bigint primary key,
  queue       text not null,
  key         text not null,
  lane        text not null,
  state       text not null check (state in ('ready', 'running', 'idle', 'dead')),
  due_at      timestamptz not null,
  wanted      bigint not null,
  seen        bigint not null,
  token       bigint not null,
  attempts    bigint not null,
  failures    bigint not null default 0,
  lease_until timestamptz,
  cause       text not null,
  payload     text not null,
  error       text not null,
  unique (queue, key)
);
create index work_due on work (queue, due_at, id) where state = 'ready';
create index work_lane on work (lane, id) where state = 'ready';
create unique index work_running on work (lane) where state = 'running';
create index work_leases on work (lease_until) where state = 'running';
create index work_dead on work (queue, id) where state = 'dead';

-- The ledger: what each provider says about each of its objects. A vanished
-- object keeps its row as a tombstone (gone).
create table objects (
  key        text primary key,
  account    text not null,
  kind       text not null,
  id         text not null,
  customer   text not null,
  owner      text not null,
  parent     text not null,
  status     text not null,
  doc        text not null,
  claims     text not null,
  gone       bigint not null check (gone in (0, 1)),
  begun      bigint not null,
  applied    bigint not null,
  checked    bigint not null,
  checked_at timestamptz not null,
  first_at   timestamptz not null,
  changed_at timestamptz not null,
  revisit_at timestamptz
);
create index objects_kind on objects (account, kind, key);
create index objects_customer on objects (customer, kind) where customer <> '';
create index objects_owner on objects (account, owner) where owner <> '';
create index objects_parent on objects ((account || '/' || parent)) where parent <> '';
create index objects_heirs on objects ((account || '/customer/' || owner)) where owner <> '' and customer = '';
create index objects_revisit on objects (account, revisit_at) where revisit_at is not null;
create index objects_unlinked on objects (kind, key) where customer = '';

-- The application's customers. sequence counts changes of their access.
create table customers (
  ref        text primary key,
  doc        text not null,
  email      text not null,
  sequence   bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index customers_email on customers (email) where email <> '';

-- The current answer for each customer and feature that ever had one, and a
-- digest of the plans and rules by which it was decided.
create table access (
  customer text not null,
  feature  text not null,
  doc      text not null,
  digest   text not null,
  turns_at timestamptz,
  primary key (customer, feature)
);
create index access_turns on access (turns_at) where turns_at is not null;

create table grants (
  id       text primary key,
  customer text not null,
  doc      text not null
);
create index grants_customer on grants (customer);

-- The audit trail: append-only. Folding the rows in order of seq into an empty
-- ledger gives the ledger.
create table changes (
  seq         bigint primary key,
  at          timestamptz not null,
  subject     text not null,
  account     text not null,
  id          text not null,
  customer    text not null,
  kinds       text not null,
  diff        text not null,
  after       text not null,
  trigger     text not null,
  event       text not null,
  actor       text not null
);
create index changes_customer on changes (customer, seq) where customer <> '';
create index changes_subject on changes (subject, account, id, seq);

-- What reconciliation found to differ from the provider.
create table drift (
  id        text primary key,
  seq       bigint not null,
  account   text not null,
  kind      text not null,
  subject   text not null,
  object    text not null,
  customer  text not null,
  impact    text not null,
  diff      text not null,
  since     timestamptz,
  found_at  timestamptz not null,
  found_by  text not null,
  state     text not null check (state in ('open', 'healed')),
  healed_at timestamptz,
  healed_by text not null
);
create index drift_seq on drift (seq);
create index drift_about on drift ((account || '/' || subject || '/' || object)) where state = 'open';
create unique index drift_open on drift (account, subject, object, kind) where state = 'open';

-- Checkouts that we made, by the hash of their token. The token itself is in the
-- metadata of what the provider made of them, and so in objects.
create table checkouts (
  id          text primary key,
  token_hash  text not null unique,
  customer    text not null,
  account     text not null,
  object      text not null,
  plan        text not null,
  doc         text not null,
  state       text not null check (state in ('creating', 'open', 'returned', 'failed')),
  created_at  timestamptz not null,
  returned_at timestamptz
);
create index checkouts_customer on checkouts (customer, created_at);

-- What is to be done in the outside world, once each. The key is the business
-- key; the schedule is in work.
create table effects (
  key        text primary key,
  seq        bigint not null,
  kind       text not null,
  account    text not null,
  object     text not null,
  customer   text not null,
  doc        text not null,
  state      text not null check (state in ('due', 'unknown', 'done', 'dropped', 'failed', 'withheld')),
  result     text not null,
  error      text not null,
  actor      text not null,
  created_at timestamptz not null,
  done_at    timestamptz
);
create index effects_seq on effects (seq);
create index effects_customer on effects (customer, seq) where customer <> '';

-- How far each account's lists and event streams have been read.
create table cursors (
  name       text primary key,
  value      text not null,
  updated_at timestamptz not null
);

-- Answers of the REST API by idempotency key.
create table answers (
  key        text primary key,
  request    text not null,
  status     bigint not null,
  body       bytea not null,
  created_at timestamptz not null
);
create index answers_created on answers (created_at);

-- +goose Down
drop table answers;
drop table cursors;
drop table effects;
drop table checkouts;
drop table drift;
drop table changes;
drop table grants;
drop table access;
drop table customers;
drop table objects;
drop table work;
drop table events;
