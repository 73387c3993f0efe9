#!/usr/bin/env bash
#SBATCH --job-name=vit
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1    # one torchrun a node, which starts one process a GPU
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --requeue              # after a node's failure the job is queued again, and goes on
#SBATCH --output=%x-%j.log

# sbatch train_on_slurm.sh RECIPE --data FOLDER --out FOLDER --set shard=true
# The folders are on a disk that every node sees; vit_tutorial is installed on every node.
set -euo pipefail

mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
export OMP_NUM_THREADS=1
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1  # each restart meets anew, not at addresses of the dead

srun torchrun \
    --nnodes "$SLURM_NNODES" \
    --nproc-per-node "${SLURM_GPUS_ON_NODE:-1}" \
    --rdzv-backend c10d \
    --rdzv-endpoint "${hosts[0]}:$((20000 + SLURM_JOB_ID % 10000))" \
    --rdzv-id "$SLURM_JOB_ID" \
    --max-restarts 3 \
    -m vit_tutorial.cli train "$@"
