export const sql = { run: 'Run', cancel: 'Cancel' };
