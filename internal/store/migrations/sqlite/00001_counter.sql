-- +goose Up
create table counter (
  id bigint primary key check (id = 1),
  n  bigint not null
);
insert into counter (id, n) values (1, 0);

-- +goose Down
drop table counter;
