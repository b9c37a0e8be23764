// There is one line: whoever begins a call ends the one before.

let holder = null;

/** Take the line. `leave` is called when somebody else takes it. */
export function takeLine(leave) {
  const previous = holder;
  holder = leave;
  if (previous && previous !== leave) previous();
}

/** Give the line back. */
export function releaseLine(leave) {
  if (holder === leave) holder = null;
}
