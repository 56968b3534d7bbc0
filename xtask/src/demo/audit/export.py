"""Writes orders into a file for the bookkeeper, and packs it."""

import subprocess


def export(name, orders):
    path = f"/tmp/{name}.csv"
    with open(path, "w") as file:
        for number, cents in orders:
            file.write(f"{number},{cents}\n")
    subprocess.run(f"gzip --force {path}", shell=True)
    return f"{path}.gz"
