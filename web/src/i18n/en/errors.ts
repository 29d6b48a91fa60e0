/** By the server's stable codes; English readers see the server's own sentence, which has the values. */
export const error = {
  error: 'Something unexpected happened',
  invalid_input: 'This cannot be taken as it is',
  sql: 'The query has a mistake',
  unsupported_media: 'This kind of data cannot be read',
  unauthenticated: 'You are not signed in',
  denied: 'You may not do this',
  foreign_host: 'Madang is not known by this address',
  not_found: 'There is no such thing',
  method_not_allowed: 'This cannot be done here',
  conflict: 'It exists already, or changed meanwhile',
  too_large: 'This is over its limit',
  overloaded: 'Too much at once; it works again in a moment',
  storage_full: 'The disk is full',
  unavailable: 'A part of Madang is not up right now',
  deadline: 'It took too long and was stopped',
  cancelled: 'Somebody cancelled it',
  client_gone: 'The connection broke off',
  fenced: 'Another writer was first',
  corruption: 'Data on the disk is damaged',
  project: 'A file of the project has mistakes',
  ui: 'This page broke',
  http: 'The server answered with an error',
};

export const problem = {
  disk_full: 'The disk is full: nothing is accepted',
  disk_low: 'The disk is nearly full',
  role_down: 'The process {{name}} is down and is being restarted',
  role_restarts: 'A process was restarted again and again',
  project_broken: 'A file of the project has mistakes; the last good state goes on',
  source_failing: 'A source cannot read',
  delivery_failing: 'A table cannot be filled',
  delivery_late: 'A table is behind its stream',
  type_not_taken: 'A stream declares a type that its table cannot take',
  values_in_rest: 'Some values fit no column and stand in _rest',
};

export const deadCode = {
  invalid_json: 'Not JSON',
  invalid_utf8: 'Not UTF-8 text',
  not_an_object: 'JSON, but no object',
  invalid_csv: 'Not CSV',
  contract: 'Against the contract',
  too_large: 'Too large',
  no_match: 'Does not match the pattern',
};
