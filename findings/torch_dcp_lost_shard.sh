#!/usr/bin/env bash
# Guess: a distributed checkpoint in safetensors, written by three processes, of which one file is lost, cannot be loaded.
# True:  torch.distributed.checkpoint.load with HuggingFaceStorageReader takes the files that it finds for all there are. Without the first or the
#        second file it returns as if all were well, and the rows of that file keep whatever the tensor held before. Only without the last file
#        does it stop, because the tensor then seems smaller. PyTorch's own format (FileSystemReader) says for each of them that a file is missing.
# Versions: torch 2.12.1, safetensors 0.8.0.
# Matters to a ViT: a run that goes on after a disk error, or after files were copied in part, trains with a third of its rows fresh from the
# initialisation. Write names and sizes of the files beside them, and compare before loading.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check numpy==2.2.6 torch==2.12.1 safetensors==0.8.0
cat > "$folder/write.py" <<'PY'
import sys

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

dist.init_process_group("gloo")
rows = distribute_tensor(torch.arange(1.0, 10.0).reshape(9, 1), init_device_mesh("cpu", (3,)), [Shard(0)])
dcp.save({"rows": rows}, storage_writer=dcp.HuggingFaceStorageWriter(sys.argv[1] + "/safetensors", save_distributed=True))
dcp.save({"rows": rows}, storage_writer=dcp.FileSystemWriter(sys.argv[1] + "/own"))
dist.destroy_process_group()
PY
cat > "$folder/read.py" <<'PY'
import shutil
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp

warnings.simplefilter("ignore")
print("torch", version("torch"), "safetensors", version("safetensors"))
found = {}
for kind, reader in (("safetensors", dcp.HuggingFaceStorageReader), ("own", dcp.FileSystemReader)):
    for lost in range(3):
        there = Path(sys.argv[1], f"{kind}-without-{lost}")
        shutil.copytree(Path(sys.argv[1], kind), there)
        sorted(path for path in there.iterdir() if not path.name.startswith("."))[lost].unlink()
        into = {"rows": torch.full((9, 1), -1.0)}
        try:
            dcp.load(into, storage_reader=reader(str(there)), no_dist=True)
            found[kind, lost] = into["rows"].flatten().int().tolist()
        except BaseException as error:  # CheckpointException is no Exception
            found[kind, lost] = type(error).__name__
        print(f"{kind}, file {lost + 1} of 3 lost:", found[kind, lost])
silent = [found["safetensors", 0] == [-1, -1, -1, 4, 5, 6, 7, 8, 9], found["safetensors", 1] == [1, 2, 3, -1, -1, -1, 7, 8, 9]]
loud = [isinstance(found[key], str) for key in (("safetensors", 2), ("own", 0), ("own", 1), ("own", 2))]
ok = all(silent) and all(loud)
print("as recorded" if ok else "CHANGED: loading a checkpoint that has lost a file now does something else")
raise SystemExit(0 if ok else 1)
PY
OMP_NUM_THREADS=1 "$folder/venv/bin/python" -m torch.distributed.run --standalone --nproc-per-node 3 "$folder/write.py" "$folder" 2> "$folder/log" || { cat "$folder/log"; exit 1; }
"$folder/venv/bin/python" "$folder/read.py" "$folder"
