// WHATWG URL as Node has it. A line is a JSON list of [reference, base]; the answer to each is null or a list of
// origin, path, query and fragment, and the origin that the path alone leads to.
import { createInterface } from "node:readline";

const resolve = ([reference, base]) => {
  if (!URL.canParse(reference, base)) return null;
  const { username, origin, pathname, search, hash } = new URL(reference, base);
  const beyond = URL.canParse(pathname, base) ? new URL(pathname, base).origin : null;
  return [username ? "userinfo" : origin, pathname, search + hash, beyond];
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(JSON.parse(line).map(resolve)) + "\n");
}
