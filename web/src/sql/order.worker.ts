/** Sorts beside the page, which stays as quick as it was. */
import { type Keys, orderOf } from './order';

export type OrderRequest = { keys: Keys; descending: boolean };

type Scope = {
  onmessage: ((event: MessageEvent<OrderRequest>) => void) | null;
  postMessage: (message: unknown, transfer: Transferable[]) => void;
};
const scope = globalThis as unknown as Scope;

scope.onmessage = ({ data }) => {
  const order = orderOf(data.keys, data.descending);
  scope.postMessage(order, [order.buffer]);
};
