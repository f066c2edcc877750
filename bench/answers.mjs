/**
 * The child's end of `startChild`: answers each question with what its handler returns, and exits when
 * the parent lets go.
 * @param {Record<string, (question: any) => unknown>} handlers By the type of the question.
 */
export function answer(handlers) {
  const reply = async ({ id, type, question }) => {
    try {
      process.send({ id, reply: await handlers[type](question) });
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) });
    }
  };
  process.on('message', (asked) => void reply(asked));
  process.on('disconnect', () => process.exit(0));
}
