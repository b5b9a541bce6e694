// `npm start` and the scripts for development run this first: an older Node says nothing that a person understands.
const { node } = process.versions;
const [major = 0, minor = 0] = node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `Node.js 20.19 or newer is needed; this is ${node}. With nvm: nvm install && nvm use\n`,
  );
  process.exitCode = 1;
}
