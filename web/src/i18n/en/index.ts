import { deadCode, error, problem } from './errors';
import { frame } from './frame';
import { home } from './home';
import { roleHint, scope, scopeShort, settings, tokenLife } from './settings';
import { sql } from './sql';
import { ownStream, recordFormat, streamFault, streamForm, streams, timeFault } from './streams';
import { misfit, ownColumn, tables } from './tables';

/** English, the language whose keys the types know. */
export const en = { ...frame, home, sql, streams, streamForm, streamFault, timeFault, recordFormat, ownStream, tables, misfit, ownColumn, settings, scope, scopeShort, tokenLife, roleHint, error, problem, deadCode };
