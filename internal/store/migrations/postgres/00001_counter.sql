-- +goose Up
create sequence counter;

-- +goose Down
drop sequence counter;
