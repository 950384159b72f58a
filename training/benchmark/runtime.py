"""What all of it runs on."""

import os
from pathlib import Path

import tensorflow as tf


def device():
    """Returns the name of TensorFlow's GPU, or else `"CPU"`."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    details = tf.config.experimental.get_device_details(gpus[0])
    return details.get("device_name", "GPU")


def machine():
    """Returns a dictionary of the processor, its cores, memory and present load."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": num_cores(),
        "memory_gb": round(pages * size / 1e9, 1),
        "load": round(os.getloadavg()[0], 2),  # of the minute before
    }


def num_cores():
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if "model name" in line]
    return names[0] if names else os.uname().machine
