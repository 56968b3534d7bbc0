// The tasks of `cargo xtask bench parallel`, done by @ai-hero/sandcastle: as many at once, each with a worktree, a branch and
// a container of its own. Its own merges into the branch that is checked out meet each other, so they are made here, one after the
// other; a worktree that it cannot make beside another is asked for again. Prints the seconds that all took, and how often.
import { execFileSync } from "node:child_process";
import { claudeCode, run } from "@ai-hero/sandcastle";
import { docker } from "@ai-hero/sandcastle/sandboxes/docker";
import { podman } from "@ai-hero/sandcastle/sandboxes/podman";

const [engine, imageName, cwd, tasks, atOnce, milliseconds] = process.argv.slice(2);
const [uid, gid] = [process.getuid(), process.getgid()];
const as = { imageName, containerUid: uid, containerGid: gid };
const sandbox = () => (engine === "docker" ? docker(as) : podman({ ...as, userns: uid === 0 ? false : "keep-id" }));
const git = (...line) => execFileSync("git", line, { cwd, stdio: "ignore" });

let again = 0;
const one = async (task) => {
  const branch = `task-${task}`;
  for (let tries = 1; ; tries++) {
    try {
      await run({
        agent: claudeCode("claude-opus-4-8", { captureSessions: false }),
        sandbox: sandbox(),
        cwd,
        prompt: `~~~script\nsleep ${milliseconds}\nwrite src/task-${task}.txt ${task}\n~~~\n`,
        branchStrategy: { type: "branch", branch },
        name: branch,
        logging: { type: "file", path: `${cwd}/.git/sandcastle-logs/${task}.log` },
      });
      break;
    } catch (error) {
      if (error._tag !== "WorktreeError" && !String(error).includes("WorktreeError")) throw error;
      if (tries === 5) throw error;
      again++;
    }
  }
  git("merge", "--quiet", "--no-edit", branch);
};

let next = 0;
const worker = async () => {
  for (let task = next++; task < Number(tasks); task = next++) await one(task);
};

const begun = performance.now();
await Promise.all(Array.from({ length: Number(atOnce) }, worker));
console.log(`seconds: ${(performance.now() - begun) / 1000}`);
console.log(`again: ${again}`);
