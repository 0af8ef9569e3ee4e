"""What each command does, in plain arguments and an exit code; part of `cli`, which alone prints, asks and exits."""
