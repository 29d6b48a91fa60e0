import { frame } from './frame';
import { home } from './home';
import { settings } from './settings';
import { sql } from './sql';
import { streams } from './streams';
import { tables } from './tables';

/** English, the language whose keys the types know. */
export const en = { ...frame, home, sql, streams, tables, settings };
