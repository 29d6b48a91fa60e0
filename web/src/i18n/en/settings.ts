export const settings = { soon: '…' };
