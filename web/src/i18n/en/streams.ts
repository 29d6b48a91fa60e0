export const streams = { create: 'Create a stream' };
