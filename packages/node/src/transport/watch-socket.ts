import type { Socket } from 'node:net';
import type { Liveness } from '../liveness.ts';

/** Has the socket hold the process only when told to. @returns how to stop. */
export function watchSocket(liveness: Liveness, socket: Socket): () => void {
  const apply = (): void => liveness.apply(socket);
  liveness.add(socket);
  // Each address that is tried gets a descriptor of its own, which holds the process anew.
  socket.on('connectionAttempt', apply);
  return () => {
    socket.off('connectionAttempt', apply);
    liveness.delete(socket);
  };
}
