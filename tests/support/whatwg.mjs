// Resolves references with Node's WHATWG URL. A line of input is a JSON list of [reference, base]. The line of output is a
// list with null, or [origin, path, query and fragment, origin of the target of the path alone], for each of them.
import { createInterface } from "node:readline";

const resolve = ([reference, base]) => {
  if (!URL.canParse(reference, base)) return null;
  const { username, origin, pathname, search, hash } = new URL(reference, base);
  const pathOrigin = URL.canParse(pathname, base) ? new URL(pathname, base).origin : null;
  return [username ? "userinfo" : origin, pathname, search + hash, pathOrigin];
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(JSON.parse(line).map(resolve)) + "\n");
}
