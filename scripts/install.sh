#!/bin/sh
# Installs or removes the module.
# usage: install.sh install|uninstall MODULE APXS DESTDIR
#
# The file is called mod_python.so, so that a LoadModule line written for mod_python goes on working.
set -eu

action=$1
module=$2
apxs=$3
destdir=$4

here=$(dirname "$0")/..
libraries=$("$apxs" -q LIBEXECDIR)
installed=$destdir$libraries/mod_python.so
# Debian keeps what can be enabled apart from what is; other systems have no such directory.
available=/etc/apache2/mods-available
debian=no
if [ "$("$apxs" -q SYSCONFDIR)" = /etc/apache2 ] && { [ -n "$destdir" ] || [ -d "$available" ]; }; then
    debian=yes
fi

# Refuse to write over the file of a package: its next upgrade would bring the other module back.
refuse_packaged() {
    [ -z "$destdir" ] || return 0
    command -v dpkg-query >/dev/null || return 0
    if owner=$(dpkg-query --search "$installed" 2>/dev/null); then
        echo "$installed belongs to the package ${owner%%:*}; remove that package first." >&2
        exit 1
    fi
}

install_module() {
    refuse_packaged
    renamed=$(dirname "$module")/mod_python.so
    cp "$module" "$renamed"
    if [ -n "$destdir" ]; then
        install -D -m 644 "$renamed" "$installed"
    else
        "$apxs" -i -n python "$renamed"
    fi
    rm -f "$renamed"
    if [ "$debian" = no ]; then
        echo "Installed $installed. To enable it, put this line into httpd.conf:"
        echo "    LoadModule python_module $libraries/mod_python.so"
        return
    fi
    install -D -m 644 "$here/apache-conf/python.load" "$destdir$available/python.load"
    if [ -e "$destdir$available/python.conf" ] && ! cmp -s "$here/apache-conf/python.conf" "$destdir$available/python.conf"; then
        echo "$destdir$available/python.conf differs from this version's and stays as it is."
    else
        install -D -m 644 "$here/apache-conf/python.conf" "$destdir$available/python.conf"
    fi
    echo "Installed $installed. To enable it: a2enmod python, then restart httpd."
}

uninstall_module() {
    refuse_packaged
    if [ "$debian" = yes ]; then
        if [ -z "$destdir" ] && [ -e /etc/apache2/mods-enabled/python.load ]; then
            a2dismod -q python
        fi
        rm -f "$destdir$available/python.load"
        if [ -e "$destdir$available/python.conf" ] && ! cmp -s "$here/apache-conf/python.conf" "$destdir$available/python.conf"; then
            echo "$destdir$available/python.conf differs from this version's and is left where it is."
        else
            rm -f "$destdir$available/python.conf"
        fi
    fi
    rm -f "$installed"
    echo "Removed $installed. A running httpd uses the module until it is restarted."
}

"${action}_module"
