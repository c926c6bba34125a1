"""`bulksend completion`."""

import click

from bulksend.cli.options import examples

EPILOG = examples(
    ("In this terminal (bash)", 'eval "$(bulksend completion bash)"'),
    (
        "In every one to come (bash)",
        "bulksend completion bash > \\\n  ~/.local/share/bash-completion/completions/bulksend",
    ),
    ("In every one to come (zsh)", "bulksend completion zsh > ~/.zfunc/_bulksend"),
    ("In every one to come (fish)", "bulksend completion fish > \\\n  ~/.config/fish/completions/bulksend.fish"),
    after=(
        "bash needs version 4.4 or newer; zsh a folder that is in its fpath before compinit runs, such as"
        " fpath+=~/.zfunc."
    ),
)


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print what makes SHELL complete commands, options, settings and files.

    The shell asks bulksend itself each time, so that what is completed is always that of the installed version.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    from bulksend.cli.output import print_text

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has all three
    source = kind(context.find_root().command, {}, "bulksend", "_BULKSEND_COMPLETE")
    # Not bash's own method, which starts bash to see how old it is.
    print_text(ShellComplete.source(source).splitlines())
    return 0
