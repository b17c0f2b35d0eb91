#!/usr/bin/env python
"""Django's command line, with one addition: the commands that need the owner of the tables get the owner's login."""

import os
import sys

# These create tables, empty them, load the demo or write down the index key; everything else acts as the web role does.
OWNER_COMMANDS = {"migrate", "sqlmigrate", "flush", "dbshell", "seed_demo", "rekey_index"}


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] and sys.argv[1] in OWNER_COMMANDS:
        os.environ["DATABASE_ROLE"] = "owner"
    from django.core.management import execute_from_command_line

    from accounts import wall
    from accounts.disks import is_disk_full

    try:
        with wall.everywhere():  # a command is for the whole city; the threads of a server get nothing of it
            execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not is_disk_full(error):
            raise
        sys.exit("磁盘满了（数据库的，或文件的），命令没有做完。请腾出空间，再运行一次。")


if __name__ == "__main__":
    main()
