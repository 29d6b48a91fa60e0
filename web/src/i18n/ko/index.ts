import { frame } from './frame';
import { home } from './home';
import { settings } from './settings';
import { sql } from './sql';
import { streams } from './streams';
import { tables } from './tables';

import type { Dictionary } from '..';

export const ko: Dictionary = { ...frame, home, sql, streams, tables, settings };
