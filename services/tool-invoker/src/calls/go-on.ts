/** Goes on with a value: at once where it is there, since to wait for it would cost as much as to look it up. */
export const goOn = <Value, Next>(
  value: Value | Promise<Value>,
  next: (value: Value) => Next | Promise<Next>
): Next | Promise<Next> => (value instanceof Promise ? value.then(next) : next(value))
