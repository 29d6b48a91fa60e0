import { deadCode, error, problem } from './errors';
import { frame } from './frame';
import { home } from './home';
import { roleHint, scope, scopeShort, settings, tokenLife } from './settings';
import { sql } from './sql';
import { ownStream, recordFormat, streamFault, streamForm, streams, timeFault } from './streams';
import { misfit, ownColumn, tables } from './tables';

import type { Dictionary } from '..';

export const ko: Dictionary = { ...frame, home, sql, streams, streamForm, streamFault, timeFault, recordFormat, ownStream, tables, misfit, ownColumn, settings, scope, scopeShort, tokenLife, roleHint, error, problem, deadCode };
