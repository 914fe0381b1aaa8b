#!/bin/bash

# Parameters
#SBATCH --account=lab
#SBATCH --array=0-1%2
#SBATCH --comment=TOKEN
#SBATCH --constraint=a100
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --job-name=fianet-bench
#SBATCH --mem=48G
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=FOLDER/runs/slurm/%A_%a_0_log.out
#SBATCH --partition=main
#SBATCH --qos=high
#SBATCH --requeue
#SBATCH --signal=USR2@120
#SBATCH --time=1440

# setup
module load cuda
export PYTHONPATH=FOLDER/runs/snapshots/DIGEST
export PYTHONSAFEPATH=1  # not the working tree, which may be edited while the job waits
export OMP_NUM_THREADS=8

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output FOLDER/runs/slurm/%A_%a_%t_log.out --cpus-per-task=8 PYTHON -u -m submitit.core._submit FOLDER/runs/slurm
