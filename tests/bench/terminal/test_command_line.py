import shlex
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from bench.terminal.command_line import changed, command_line, word

ODD = st.text(st.sampled_from("a =[],{}'\"`$#%~\\!*?&|<>();^\t数"), min_size=1)


@given(ODD)
def test_shell_gives_back_what_was_shown(text: str) -> None:
    assert shlex.split(command_line("bench.status", word("store", text)))[3:] == [word("store", text)]


def test_bash_gives_back_what_was_shown() -> None:
    folder = "~/my data/a=b [x],{y} 'q' \"d\" $HOME ${z} `ls` #1 100% 数据 !! *?"
    shown = command_line("bench.status", word("store", folder))
    echoed = subprocess.run(
        ["bash", "-c", f"python() {{ printf '%s' \"$3\"; }}; {shown}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert echoed.stdout == f"store=./{folder}", "a folder that is really called ~"


def test_key_of_a_shown_command_is_changed_not_given_twice() -> None:
    shown = "python -m bench.run 'store=my runs' launcher.max_failures=3"
    assert (
        changed(shown, "launcher.max_failures", 4)
        == "python -m bench.run 'store=my runs' launcher.max_failures=4"
    )
