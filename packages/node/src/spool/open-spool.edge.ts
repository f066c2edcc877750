/** Edge runtimes have no disk; the option is refused there. */
export function openSpool(): undefined {
  return undefined;
}
