export const tables = { soon: '…' };
