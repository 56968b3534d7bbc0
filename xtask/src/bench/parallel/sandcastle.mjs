// The tasks of `cargo xtask bench parallel`, done by @ai-hero/sandcastle: as many at once, each with a worktree, a branch and
// a container of its own, merged into the branch that is checked out. Prints the seconds that all took.
import { claudeCode, run } from "@ai-hero/sandcastle";
import { docker } from "@ai-hero/sandcastle/sandboxes/docker";
import { podman } from "@ai-hero/sandcastle/sandboxes/podman";

const [engine, imageName, cwd, tasks, atOnce, milliseconds] = process.argv.slice(2);
const uid = process.getuid();
const gid = process.getgid();
const as = { imageName, containerUid: uid, containerGid: gid };
const sandbox = () => (engine === "docker" ? docker(as) : podman({ ...as, userns: uid === 0 ? false : "keep-id" }));

let next = 0;
const worker = async () => {
  for (let task = next++; task < Number(tasks); task = next++) {
    await run({
      agent: claudeCode("claude-opus-4-8", { captureSessions: false }),
      sandbox: sandbox(),
      cwd,
      prompt: `~~~script\nsleep ${milliseconds}\nwrite src/task-${task}.txt ${task}\n~~~\n`,
      branchStrategy: { type: "merge-to-head" },
      name: `task-${task}`,
      logging: { type: "file", path: `${cwd}/.git/sandcastle-logs/${task}.log` },
    });
  }
};

const begun = performance.now();
await Promise.all(Array.from({ length: Number(atOnce) }, worker));
console.log(`seconds: ${(performance.now() - begun) / 1000}`);
